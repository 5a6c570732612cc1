"""`strongroom secrets`: the keys of encrypted columns, their rotation and their retirement; a file a command."""
