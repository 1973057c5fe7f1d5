"""What people see: sentences, tags, charts and reports, all from one set of figures; pure."""
