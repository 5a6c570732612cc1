"""Keys that two key providers share: messages between them, their keys, who accepts what, where keys are kept."""
