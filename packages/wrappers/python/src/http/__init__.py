"""HTTP/1.1: requests, responses and the connections that carry them."""
