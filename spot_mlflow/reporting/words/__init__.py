"""What is known of a model and a check, in the words of the business."""
