[(block) (template_body) (map) (list)] @fold
(documentation)+ @fold
