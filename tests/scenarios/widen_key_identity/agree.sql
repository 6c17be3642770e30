SELECT o."Id", n."Id" FROM public."Kinds" o FULL JOIN public_plan."Kinds" n USING ("Id") WHERE o."Id" IS NULL OR n."Id" IS NULL;
