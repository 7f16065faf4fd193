"""What a client does wrong, on purpose or because it is newer, gets the answer that the page
promises, and nothing beside it is harmed."""
CASES = []
