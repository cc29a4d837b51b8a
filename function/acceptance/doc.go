// Package acceptance holds the project against software of others: Alibaba's
// own clients call the CloudSSO stand-in, and what they start the built
// function reports; a browser shows the function's pages, which tools that know
// the rules of the web then judge; libraries for the chat platforms sign and
// encrypt what the function is asked, and read what it answers; those for
// CloudEvents and Standard Webhooks write what it reads; and one for OpenAPI holds all
// that any test asks it, and is answered, to the contract. It is a module of its own, so
// that none of that software reaches the function.
package acceptance
