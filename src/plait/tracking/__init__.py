"""The only room that imports mlflow: every run recorded, live and from the stages' outputs."""
