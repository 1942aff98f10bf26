// Node-RED with the node of this folder, to try it: on loopback, and without asking anything outside.
module.exports = {
  uiHost: "127.0.0.1",
  flowFile: "flows.json",
  nodesDir: [__dirname],
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, palette: { catalogues: [] } },
};
