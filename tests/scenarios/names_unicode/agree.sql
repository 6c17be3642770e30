SELECT o.id FROM public."таблица" o JOIN public_plan."表" n USING (id) WHERE o."数" + 1 <> n."数";
