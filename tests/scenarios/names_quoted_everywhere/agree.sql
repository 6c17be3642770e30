SELECT o.id FROM public."a ""b"" c" o JOIN public_plan."tab/*le" n USING (id) WHERE o."it's" <> n."it's" OR n."it's" = 'old' AND n."""new""" <> 'old1z';
