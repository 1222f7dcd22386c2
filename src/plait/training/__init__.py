"""The one LightningModule and the one fit function, with what they are built from."""
