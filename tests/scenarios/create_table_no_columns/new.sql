SELECT "only" FROM bare;
