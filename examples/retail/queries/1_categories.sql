-- What sells, and what is left of it?
SELECT category,
       sum(sales) AS sales,
       sum(revenue) AS revenue,
       round(100 * sum(profit) / sum(revenue), 1) AS profit_percent,
       max(CASE WHEN rank_in_category = 1 THEN product_name END) AS best_product
FROM workshop_analytics.product_performance
GROUP BY category
ORDER BY revenue DESC, category
