"""Where messages rest until every recipient is settled: states, leases, content, schedule. Knows neither route nor network."""
