// Shows /openapi.json with Swagger UI. Keys stay in the tab; nobody else's validator is asked.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  validatorUrl: null,
});
