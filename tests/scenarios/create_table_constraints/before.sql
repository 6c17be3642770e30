CREATE TABLE houses (street text, number integer, PRIMARY KEY (street, number));
