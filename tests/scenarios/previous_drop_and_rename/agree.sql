SELECT * FROM public_first.things WHERE size NOT IN (1, 3) AND id >= 1000000;
