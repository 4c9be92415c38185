-- What do flights refer to that no table knows?
SELECT refers_to, flights, orphans, orphans_percent, missing_values
FROM workshop_analytics.orphans
ORDER BY orphans DESC, refers_to
