"""Django's ORM: models, querysets, where they are queried, and transactions."""
