"""The byte route and the Vexa dialect over raw TCP: the contract, read from API.md and the RFCs alone."""
