ALTER TABLE "Kinds" ALTER "Id" TYPE bigint;
ALTER TABLE things ALTER kind TYPE bigint;
