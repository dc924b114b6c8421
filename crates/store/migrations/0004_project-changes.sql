-- The default projects that version 1 created have no time of a last change.
UPDATE projects SET updated_at = created_at WHERE updated_at IS NULL;
