"""The parts that pages are made of: cards, charts, tables, filters, actions, and shared query results."""
