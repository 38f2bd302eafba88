"""The search over every kind of object, and the objects each user opened last."""
