"""One module per command; `boulder.app` names them."""
