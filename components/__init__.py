"""The rooms of the house: what is observed, decided, learned and served. README.md has the map."""
