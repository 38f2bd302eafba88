// stripe-sync-engine's backfill of everything, from the Stripe at BASE.
import { StripeSync } from '@supabase/stripe-sync-engine'
import Stripe from 'stripe'

const base = new URL(process.env.BASE)
const sync = new StripeSync({
  poolConfig: { connectionString: process.env.DATABASE, max: 10 },
  stripeSecretKey: process.env.KEY,
  stripeWebhookSecret: 'whsec_none',
})
// It has no setting for another Stripe than the real one.
sync.stripe = new Stripe(process.env.KEY, { host: base.hostname, port: Number(base.port), protocol: 'http' })
for (const object of process.env.OBJECTS.split(',')) {
  const found = await sync.syncBackfill({ object })
  for (const [name, each] of Object.entries(found)) if (each) console.log(name, each.synced)
}
await sync.postgresClient.pool.end()
