-- One row: an aircraft that the registry knows. Key: tailnum.
SELECT tailnum,
       maker,
       model,
       type,
       engine,
       engines,
       seats,
       CASE WHEN seats < 100 THEN 'small' WHEN seats < 200 THEN 'middle' WHEN seats >= 200 THEN 'large' END AS size,
       year AS built_in,
       age_in_2013
FROM processed.planes
