//! What peers say is read, compared and told, on small examples: nothing is run.
