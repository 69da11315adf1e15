"""Images of identified animals: reading and checking them, decoding their pixels, and splitting them."""
