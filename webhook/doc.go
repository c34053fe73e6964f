// Package webhook posts JSON to an address that the operator set, signed as
// Standard Webhooks has it (standardwebhooks.com). What is sent, and when it is
// sent again, is for the rooms above: codes in authn/sender, changes and
// questions in hooks.
package webhook
