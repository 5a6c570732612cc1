"""The page that one-time sessions open: a status board that another portal can embed."""
