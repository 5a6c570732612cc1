"""`strongroom peers`: pair key providers, look after the pairs, and try them."""
