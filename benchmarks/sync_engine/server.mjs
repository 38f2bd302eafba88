// stripe-sync-engine behind a plain HTTP server, as its documentation shows it; WORKERS processes share the port.
import cluster from 'node:cluster'
import http from 'node:http'
import { StripeSync } from '@supabase/stripe-sync-engine'

const workers = Number(process.env.WORKERS)
if (workers > 1 && cluster.isPrimary) {
  for (let n = 0; n < workers; n++) cluster.fork()
} else {
  const sync = new StripeSync({
    poolConfig: { connectionString: process.env.DATABASE, max: 10 },
    stripeSecretKey: 'sk_test_none',
    stripeWebhookSecret: process.env.SECRET,
  })
  const answer = (response, status, text) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(text)
  }
  http
    .createServer((request, response) => {
      const parts = []
      request.on('data', (part) => parts.push(part))
      request.on('end', () => {
        if (request.method !== 'POST') return answer(response, 404, '{}')
        sync.processWebhook(Buffer.concat(parts), request.headers['stripe-signature']).then(
          () => answer(response, 200, '{"received":true}'),
          (error) => answer(response, 500, JSON.stringify({ error: String(error) })),
        )
      })
    })
    .listen(Number(process.env.PORT), '127.0.0.1')
}
