"""Sites, links and the verbs between them. Knows time and bytes; imports no torch."""
