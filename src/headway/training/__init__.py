"""What is trained from `train`: light parts beside a frozen model."""
