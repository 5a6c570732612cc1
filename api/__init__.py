"""The HTTP API for operators: it checks a request, calls strongroom, and answers. It does no work itself."""
