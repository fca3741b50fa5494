"""The composition root: builds the gateway's parts from the settings and connects them."""
