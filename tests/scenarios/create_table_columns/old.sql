UPDATE countries SET code = code WHERE code = 'nl';
SELECT * FROM countries;
