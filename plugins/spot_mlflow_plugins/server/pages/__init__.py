"""What a browser sees: the pages under spot/, and the panel in MLflow's own."""
