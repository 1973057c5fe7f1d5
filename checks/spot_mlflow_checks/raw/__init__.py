"""From raw tables to the outcome log: opened, prepared, chosen, joined once, counted rule by rule."""
