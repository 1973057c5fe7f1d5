"""The whole story on a real field experiment; nothing in it is invented but the roles."""
