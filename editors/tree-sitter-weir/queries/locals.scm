(template) @local.scope
(parameter name: (identifier) @local.definition)
(template_body (declaration name: (identifier) @local.definition))
(path segment: (identifier) @local.reference)
