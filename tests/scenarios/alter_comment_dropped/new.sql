SELECT 1 / (col_description('public_plan.t'::regclass, 2) IS NULL)::int;
