"""Who is held out, as SQL: the arm of a unit computed where the units lie."""
