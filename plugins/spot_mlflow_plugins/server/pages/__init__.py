"""What a browser sees: the pages under spot/, and the line in MLflow's own."""
