// Package sftpgo reads the JSON that SFTPGo dumps (GET /api/v2/dumpdata, or Maintenance, Backup on its pages): what its OpenAPI description
// (openapi/openapi.yaml, schemas BackupData, User, VirtualFolder, Group and FilesystemConfig) says of accounts, and no more of it than comes along. Tests
// write dumps by the types of SFTPGo's own SDK.
package sftpgo
