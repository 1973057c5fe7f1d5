"""The routes of ours: what is asked of each request, and what it does."""
