// Renders /openapi.json with Swagger UI. A key stays in the tab, and no external validator is called.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  validatorUrl: null,
});
