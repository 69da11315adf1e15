"""Tables and HTML pages of saved runs, audits and identified photographs. Reports need no model."""
