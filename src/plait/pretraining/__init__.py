"""What is learnt from texts without labels, before a model is fine-tuned: one file each."""
